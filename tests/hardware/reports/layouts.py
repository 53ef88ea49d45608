"""Report texts written after the layout of real files of the named tool and release; numbers are made up or taken over."""

COSIM_VIVADO = """Report time       : Thu Jul 14 10:00:00 CST 2022.
Solution          : solution1.
Simulation tool   : xsim.

+----------+----------+-----------------------------------------------+-----------------------------------------------+
|          |          |                    Latency                    |                    Interval                   |
+   RTL    +  Status  +-----------------------------------------------+-----------------------------------------------+
|          |          |      min      |      avg      |      max      |      min      |      avg      |      max      |
+----------+----------+-----------------------------------------------+-----------------------------------------------+
|      VHDL|        NA|             NA|             NA|             NA|             NA|             NA|             NA|
|   Verilog|      Pass|            777|            780|            790|             40|             41|             44|
+----------+----------+-----------------------------------------------+-----------------------------------------------+
"""
"""Layout after co-simulation of an hls4ml project with Vivado HLS 2020.1."""

COSIM_VITIS = """Report time       : Wed Mar 11 03:00:00 PM PDT 2026.
Solution          : solution1.
Simulation tool   : xsim.

+----------+----------+-----------------------------------------------+-----------------------------------------------+----------------------+
|          |          |             Latency(Clock Cycles)             |              Interval(Clock Cycles)           | Total Execution Time |
+   RTL    +  Status  +-----------------------------------------------+-----------------------------------------------+    (Clock Cycles)    +
|          |          |      min      |      avg      |      max      |      min      |      avg      |      max      |                      |
+----------+----------+-----------------------------------------------+-----------------------------------------------+----------------------+
|      VHDL|        NA|             NA|             NA|             NA|             NA|             NA|             NA|                    NA|
|   Verilog|      Pass|            259|            260|            262|             NA|             NA|             NA|                   524|
+----------+----------+-----------------------------------------------+-----------------------------------------------+----------------------+
"""
"""Layout after co-simulations with Vitis HLS 2024 (hls4ml projects)."""

COSIM_FAIL = COSIM_VITIS.replace("|   Verilog|      Pass|", "|   Verilog|      Fail|")
"""Real ones have "NA" in all cells; numbers are left in here, because they must not be believed."""

CSIM_VIVADO = """INFO: [SIM 2] *************** CSIM start ***************
INFO: [SIM 4] CSIM will launch GCC as the compiler.
   Compiling ../../../../myproject_test.cpp in debug mode
   Generating csim.exe
Processing input 0
Predictions
1 0 0
Saved inference results to file: tb_data/csim_results.log
INFO: [SIM 1] CSim done with 0 errors.
INFO: [SIM 3] *************** CSIM finish ***************
"""
"""Layout after a csim log of an hls4ml project, Vivado HLS 2018.3."""

CSIM_FAILED = CSIM_VIVADO.replace("INFO: [SIM 1] CSim done with 0 errors.", "ERR: [SIM 100] CSim failed with errors.")
"""Layout after a csim log of an hls4ml project that failed, Vivado HLS 2018.3."""

CSIM_VITIS = """INFO: [HLS 200-2176] Writing Vitis IDE component file vitis-comp.json
INFO: [SIM 211-2] *************** CSIM start ***************
INFO: [HLS 200-2191] C-Simulation will use clang-16 as the compiler
   Generating csim.exe
10 samples INFO: [SIM 211-1] CSim done with 0 errors.
INFO: [SIM 211-3] *************** CSIM finish ***************
"""
"""Layout after a log of Vitis HLS 2025.2; a test bench that ends without a new line stands before the result."""

CSIM_COMPILE = """INFO: [SIM 211-2] *************** CSIM start ***************
INFO: [SIM 211-4] CSIM will launch GCC as the compiler.
collect2: error: ld returned 1 exit status
make: *** [csim.exe] Error 1
ERROR: [SIM 211-100] 'csim_design' failed: compilation error(s).
INFO: [SIM 211-3] *************** CSIM finish ***************
"""
"""Layout after a log of Vivado HLS 2018.2."""

_RULE = "-" * 96


def header(command: str, state: str = "", version: str = "2024.1") -> str:
    """Header of a Vivado report; releases before 2022 have no design state in timing summaries."""
    line = f"| Design State      : {state}\n" if state else ""
    return f"""Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
{_RULE}
| Tool Version      : Vivado v.{version} (lin64) Build 5076996 Wed May 22 18:36:09 MDT 2024
| Date              : Wed Mar 18 14:03:03 2026
| Host              : somewhere running 64-bit Ubuntu 22.04.5 LTS
| Command           : {command}
| Design            : myproject
| Device            : xcu250-figd2104-2L-e
{line}{_RULE}

"""


def timing(
    state: str = "Routed", wns: str = "-0.312", clocks: str = "", command: str = "report_timing_summary -file t.rpt", net: str = "routed"
):
    """Layout after report_timing_summary of Vivado 2021.2 (no state) and 2024.2 (with state)."""
    clocks = clocks or "clk    {0.000 2.500}        5.000           200.000         \n"
    columns = (
        "WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints  "
        "THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  TPWS Total Endpoints  "
    )
    rule = (
        "-------      -------  ---------------------  -------------------      -------      -------  ---------------------  "
        "-------------------     --------     --------  ----------------------  --------------------  "
    )
    numbers = (
        f"{wns}       -4.125                     17                 1696        0.057        0.000                      0  "
        "               1696        2.225        0.000                       0                  1077  "
    )

    def title(name: str) -> str:
        return f"{_RULE}\n| {name}\n| {'-' * len(name)}\n{_RULE}\n\n"

    return (
        header(command, state)
        + "Timing Summary Report\n\n"
        + title("Timer Settings")
        + "  Enable Multi Corner Analysis               :  Yes\n\n"
        + title("Design Timing Summary")
        + f"    {columns}\n    {rule}\n     {numbers}\n\n\nTiming constraints are not met.\n\n\n"
        + title("Clock Summary")
        + f"Clock  Waveform(ns)         Period(ns)      Frequency(MHz)\n-----  ------------         ----------      --------------\n{clocks}\n\n"
        + title("Intra Clock Table")
        + f"Clock             {columns}\n-----             {rule}\nclk               9.111 {numbers}\n\n\n"
        + title("Timing Details")
        + f"\nSlack (VIOLATED) :        {wns}ns  (required time - arrival time)\n"
        + "                         net (fo=1, routed)           0.000     2.307    a/b\n"
        + f"                         net (fo=31, {net})       0.401     0.534    c/d\n"
    )


POWER = (
    header("report_power -file vivado_power.rpt", "routed")
    + """Power Report

Table of Contents
-----------------
1. Summary
1.1 On-Chip Components

1. Summary
----------

+--------------------------+--------------+
| Total On-Chip Power (W)  | 3.566        |
| Design Power Budget (W)  | Unspecified* |
| Power Budget Margin (W)  | NA           |
| Dynamic (W)              | 0.610        |
| Device Static (W)        | 2.956        |
| Effective TJA (C/W)      | 0.5          |
| Junction Temperature (C) | 26.9         |
| Confidence Level         | Low          |
+--------------------------+--------------+
* Specify Design Power Budget using, set_operating_conditions -design_power_budget <value in Watts>


1.1 On-Chip Components
----------------------

+----------------+-----------+----------+-----------+-----------------+
| On-Chip        | Power (W) | Used     | Available | Utilization (%) |
+----------------+-----------+----------+-----------+-----------------+
| Clocks         |     0.036 |        3 |       --- |             --- |
|   BUFG         |    <0.001 |        2 |       128 |            1.56 |
| Total          |     3.566 |          |           |                 |
+----------------+-----------+----------+-----------+-----------------+
"""
)
"""Layout after report_power of an hls4ml design, Vivado 2024.1."""


def ultrascale(state: str) -> str:
    """Layout after report_utilization of hls4ml designs on UltraScale+ parts, Vivado 2020.1 and 2024.2."""
    return (
        header("report_utilization -file util.rpt", state)
        + """Utilization Design Information

1. CLB Logic
------------

+-------------------------+-------+-------+------------+-----------+-------+
|        Site Type        |  Used | Fixed | Prohibited | Available | Util% |
+-------------------------+-------+-------+------------+-----------+-------+
| CLB LUTs*               | 31277 |     0 |          0 |    274080 | 11.41 |
|   LUT as Logic          | 31200 |     0 |          0 |    274080 | 11.41 |
|   LUT as Memory         |    77 |     0 |          0 |    144000 |  0.00 |
| CLB Registers           |  4555 |     0 |          0 |    548160 |  0.83 |
| F9 Muxes                |     0 |     0 |          0 |     34260 | <0.01 |
+-------------------------+-------+-------+------------+-----------+-------+
* Warning! The Final LUT count, after physical optimizations and full implementation, is typically lower.


2. CLB Logic Distribution
-------------------------

+--------------------------------------------+------+-------+------------+-----------+-------+
|                  Site Type                 | Used | Fixed | Prohibited | Available | Util% |
+--------------------------------------------+------+-------+------------+-----------+-------+
| CLB                                        | 5100 |     0 |          0 |      8820 |  0.22 |
| CLB Registers                              | 4555 |     0 |          0 |    548160 |  0.83 |
+--------------------------------------------+------+-------+------------+-----------+-------+


3. BLOCKRAM
-----------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    | 13.5 |     0 |          0 |       912 |  0.05 |
|   RAMB36/FIFO*    |   12 |     0 |          0 |       912 |  0.00 |
|     RAMB36E2 only |   12 |       |            |           |       |
|   RAMB18          |    3 |     0 |          0 |      1824 |  0.05 |
|     RAMB18E2 only |    3 |       |            |           |       |
| URAM              |    4 |     0 |          0 |        96 |  4.17 |
+-------------------+------+-------+------------+-----------+-------+
* Note: Each Block RAM Tile only has one FIFO logic available and therefore can accommodate only one FIFO36E2 or one FIFO18E2.


4. ARITHMETIC
-------------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           |  580 |     4 |          0 |      2520 |  6.43 |
|   DSP48E2 only |  580 |       |            |           |       |
+----------------+------+-------+------------+-----------+-------+


10. Black Boxes
---------------

+----------+------+
| Ref Name | Used |
+----------+------+


"""
    )


VERSAL = (
    header("report_utilization -file util.rpt", "Physopt postRoute", "2025.1")
    + """Utilization Design Information

1. Netlist Logic
----------------
+----------------------------+--------+-------+------------+-----------+-------+
|          Site Type         |  Used  | Fixed | Prohibited | Available | Util% |
+----------------------------+--------+-------+------------+-----------+-------+
| Registers                  | 233693 | 34745 |          0 |   5148416 |  4.54 |
| CLB LUTs                   | 116420 | 22905 |          0 |   2574208 |  4.52 |
+----------------------------+--------+-------+------------+-----------+-------+

4. ARITHMETIC
-------------
+--------------------+------+-------+------------+-----------+-------+
|      Site Type     | Used | Fixed | Prohibited | Available | Util% |
+--------------------+------+-------+------------+-----------+-------+
| DSP Slices         |    7 |     0 |          0 |     10848 |  0.00 |
+--------------------+------+-------+------------+-----------+-------+
"""
)
"""Layout after an excerpt of report_utilization of a Versal part, Vivado 2025.1."""

HIERARCHY = (
    header("report_utilization -file util.rpt -hierarchical -hierarchical_percentages", "Routed", "2020.1")
    + """Utilization Design Information

Table of Contents
-----------------
1. Utilization by Hierarchy

1. Utilization by Hierarchy
---------------------------

+---------------------+-----------+--------------+--------------+-----------+-----------+--------------+----------+----------+--------------+
|       Instance      |   Module  |  Total LUTs  |  Logic LUTs  |  LUTRAMs  |    SRLs   |      FFs     |  RAMB36  |  RAMB18  | DSP48 Blocks |
+---------------------+-----------+--------------+--------------+-----------+-----------+--------------+----------+----------+--------------+
| design_1_wrapper    |     (top) | 9432(17.73%) | 8800(16.54%) | 400(2.3%) | 232(1.3%) | 11999(11.3%) | 4(2.86%) | 3(1.07%) |   73(33.18%) |
|   (design_1_wrapper)|     (top) |     0(0.00%) |     0(0.00%) |  0(0.00%) |  0(0.00%) |     0(0.00%) | 0(0.00%) | 0(0.00%) |     0(0.00%) |
|   design_1_i        |  design_1 | 9432(17.73%) | 8800(16.54%) | 400(2.3%) | 232(1.3%) | 11999(11.3%) | 4(2.86%) | 3(1.07%) |   73(33.18%) |
|     axi_dma_0       |  axi_dma  |  1500(2.82%) |  1400(2.63%) | 100(0.6%) |  0(0.00%) |   2000(1.9%) | 2(1.43%) | 1(0.36%) |     0(0.00%) |
|     myproject_axi_0 |   axi_0   | 5000(9.40%)  |  4900(9.21%) | 100(0.6%) |  0(0.00%) |   7000(6.6%) | 0(0.00%) | 2(0.71%) |   73(33.18%) |
+---------------------+-----------+--------------+--------------+-----------+-----------+--------------+----------+----------+--------------+
* Note: The sum of lower-level cells may be larger than their parent cells total, due to cross-hierarchy LUT combining
"""
)
"""Layout after report_utilization -hierarchical tables; with percentages as hls4ml's VivadoAccelerator scripts ask for."""

SUMMARY = """

================================================================
== Synthesis Summary Report of 'myproject'
================================================================
+ General Information: 
    * Date:           Wed Mar 18 13:58:01 2026
    * Version:        2024.1 (Build 5069499 on May 21 2024)
    * Project:        myproject_prj
    * Solution:       solution1 (Vivado IP Flow Target)
    * Product family: virtexuplus
    * Target device:  xcu250-figd2104-2L-e
    

+ Performance & Resource Estimates: 
    
    PS: '+' for module; 'o' for loop; '*' for dataflow
    +---------------+------+------+---------+-----------+----------+---------+------+----------+----------+----------+------------+-------------+-----+
    |    Modules    | Issue|      | Latency |  Latency  | Iteration|         | Trip |          |          |          |            |             |     |
    |    & Loops    | Type | Slack| (cycles)|    (ns)   |  Latency | Interval| Count| Pipelined|   BRAM   |    DSP   |     FF     |     LUT     | URAM|
    +---------------+------+------+---------+-----------+----------+---------+------+----------+----------+----------+------------+-------------+-----+
    |+ myproject*   |     -|  0.12|      395|  1.975e+03|         -|      390|     -|  dataflow|  29 (~0%)|  467 (3%)|  7123 (~0%)|   17966 (1%)|    -|
    | + conv_1d_s   |     -|  0.17|      393|  1.965e+03|         -|      393|     -|        no|         -|  370 (3%)|  3097 (~0%)|  11875 (~0%)|    -|
    |  o ReadInput  |    II|  3.65|      391|  1.955e+03|         5|        3|   130|       yes|         -|         -|           -|            -|    -|
    |   + buffer_s  |    II|  0.17|        3|     15.000|         -|        3|     -|       yes|         -|  370 (3%)|  3078 (~0%)|  11723 (~0%)|    -|
    | + softmax_s   |     -|  0.38|        8|     40.000|         -|        8|     -|        no|   5 (~0%)|   6 (~0%)|   262 (~0%)|    572 (~0%)|    -|
    +---------------+------+------+---------+-----------+----------+---------+------+----------+----------+----------+------------+-------------+-----+


================================================================
== HW Interfaces
================================================================
"""  # noqa: W291, W293
"""Layout after csynth.rpt of hls4ml projects, Vitis HLS 2022.2 and 2024.1."""
