"""A board on the bench: what host and board say to each other, the host's driver, and a simulated board to try it on.

Modules, from the ground up: ``layout`` (values in bytes), ``design`` (a Verilog project as the bench sees it), ``files`` (what the
host must know of it) and ``make`` (which writes them), ``link`` (serial ports), ``driver``, ``session`` (samples and self-test) and, with
Verilator, ``simulated``. No TensorFlow. The bytes are :mod:`fpgacompress.firmware.rtl.protocol`, which the Verilog is written from.
"""
