"""Verilog text of the UART top: its frame, and what stands between it and the two kinds of networks. See :mod:`.uart` for what is put in."""

from __future__ import annotations

from string import Template

TOP = Template("""\
`timescale 1 ns / 1 ps

// $name: the network $network behind a serial line. Written by fpgacompress.
//
// UART with 8 data bits (bit 0 first), no parity, 1 stop bit, $baud baud at a clk of $mhz MHz. One command at a time, one answer to each:
//   host:   command, tag, payload, checksum    $identify: identify, no payload. $infer: infer, $payload bytes of payload
//   board:  status, tag, body, checksum        $done: done, with a body of $identity_bytes bytes (identify) or $answer (infer). Else: what was wrong, no body
// The checksum is CRC-16 (x^16 + x^12 + x^5 + 1, started with ones), its high byte first. Payload: $beats x $beat_bits bits of input, each beat
// in $beat_bytes bytes, its lowest bits first; body: $output_bits bits of output, in the same way. Bits that fill the last byte up are 0.
// A command that goes wrong is let go by: when the line has been silent for SILENCE_CYCLES, the board says what it was and is ready again.
//
// Its own flip-flops: $ff$memory_note.
module $name #(
    parameter [$bit_top:0] BIT_CYCLES = $bit_cycles,  // of clk, for a bit on the line; at least 8
    parameter [$silence_top:0] SILENCE_CYCLES = $silence_cycles$core_parameter
) (
    input clk,
    input rx,
    output tx
);

    // Receiver. Two registers against metastability; a bit is looked at in its middle.
    reg [1:0] line;
    reg [3:0] in_place;  // 0: no byte, 1: start bit, 2 to 9: data bits, 10: stop bit
    reg [$bit_top:0] in_count;
    reg [7:0] in_byte;
    // For one cycle each: a byte has come; a byte has come without its stop bit.
    reg came;
    reg broken;
    wire quiet = in_place == 4'd0 & line[1];

    initial begin
        line = 2'b11;
        in_place = 4'd0;
        came = 1'b0;
        broken = 1'b0;
    end

    always @(posedge clk) begin
        line <= {line[0], rx};
        came <= 1'b0;
        broken <= 1'b0;
        if (in_place == 4'd0) begin
            in_count <= (BIT_CYCLES >> 1) - $bit_one;
            if (!line[1]) in_place <= 4'd1;
        end else if (in_count != $bit_none) in_count <= in_count - $bit_one;
        else begin
            in_count <= BIT_CYCLES - $bit_one;
            in_place <= in_place + 4'd1;
            if (in_place == 4'd1) begin
                if (line[1]) in_place <= 4'd0;  // no start bit, but a spike
            end else if (in_place != 4'd10) in_byte <= {line[1], in_byte[7:1]};
            else begin
                in_place <= 4'd0;
                came <= line[1];
                broken <= !line[1];
            end
        end
    end

    // Transmitter: takes a byte when it is free.
    reg space;  // the line is low
    reg [8:0] out_bits;
    reg [3:0] out_left;
    reg [$bit_top:0] out_count;
    wire free = out_left == 4'd0;
    wire send;
    wire [7:0] answer;
    assign tx = ~space;

    initial begin
        space = 1'b0;
        out_left = 4'd0;
    end

    always @(posedge clk) begin
        if (free) begin
            out_count <= BIT_CYCLES - $bit_one;
            out_bits <= {1'b1, answer};
            if (send) begin
                space <= 1'b1;
                out_left <= 4'd10;
            end
        end else if (out_count != $bit_none) out_count <= out_count - $bit_one;
        else begin
            out_count <= BIT_CYCLES - $bit_one;
            space <= ~out_bits[0];
            out_bits <= {1'b1, out_bits[8:1]};
            out_left <= out_left - 4'd1;
        end
    end

    // Commands and answers.
    localparam [3:0] COMMAND = 4'd0, TAG = 4'd1, PAYLOAD = 4'd2, CHECK_HIGH = 4'd3, CHECK_LOW = 4'd4, COMPUTE = 4'd5;
    localparam [3:0] SEND_STATUS = 4'd6, SEND_TAG = 4'd7, SEND_BODY = 4'd8, SEND_HIGH = 4'd9, SEND_LOW = 4'd10, DRAIN = 4'd11;
    localparam [$identity_top:0] IDENTITY = $identity;
    reg [3:0] state;
    reg [7:0] status;
    reg [7:0] tag;
    reg [15:0] sum;
    reg identify;
    reg crossed;  // something has come while the board was answering
    reg [$left_top:0] left;
    reg [$silence_top:0] silence;
    wire silent = silence == SILENCE_CYCLES;
    wire receiving = state < COMPUTE;
    wire sending = state > COMPUTE & state != DRAIN;
    wire [7:0] body;
    wire computed;
    initial state = COMMAND;
    assign send = sending & free;
    assign answer = state == SEND_STATUS ? status : state == SEND_TAG ? tag : state == SEND_BODY ? body : sum[15:8];

    function [15:0] summed(input [15:0] old, input [7:0] value);
        integer i;
        begin
            summed = old ^ {value, 8'h00};
            for (i = 0; i < 8; i = i + 1) summed = {summed[14:0], 1'b0} ^ (summed[15] ? $polynomial : 16'h0000);
        end
    endfunction

    wire [15:0] next_sum = summed(sum, sending ? answer : in_byte);

    always @(posedge clk) begin
        if (!quiet) silence <= $silence_none;
        else if (!silent) silence <= silence + $silence_one;
        if ((came & receiving) | send) sum <= next_sum;
        case (state)
            COMMAND: begin
                if (!came) sum <= $sum_start;
                left <= $payload_bytes;
                crossed <= 1'b0;
                identify <= in_byte == $identify_byte;
                if (came) begin
                    status <= $unknown;
                    state <= in_byte == $identify_byte | in_byte == $infer_byte ? TAG : DRAIN;
                end
            end
            TAG: if (came) begin
                tag <= in_byte;
                state <= identify ? CHECK_HIGH : PAYLOAD;
            end
            PAYLOAD: if (came) begin
                left <= left - $left_one;
                if (left == $left_one) state <= CHECK_HIGH;
            end
            CHECK_HIGH: if (came) state <= CHECK_LOW;
            CHECK_LOW: if (came) begin
                status <= next_sum == 16'h0000 ? $done_byte : $checksum;
                state <= next_sum == 16'h0000 ? COMPUTE : DRAIN;
            end
            COMPUTE: begin
                sum <= $sum_start;
                left <= identify ? $identity_left : $answer_left;
                if (identify | computed) state <= SEND_STATUS;$core_late
            end
            SEND_STATUS: if (free) state <= SEND_TAG;
            SEND_TAG: if (free) state <= status == $done_byte ? SEND_BODY : SEND_HIGH;
            SEND_BODY: if (free) begin
                left <= left - $left_one;
                if (left == $left_one) state <= SEND_HIGH;
            end
            SEND_HIGH: if (free) state <= SEND_LOW;
            SEND_LOW: if (free) begin
                status <= $crossed;
                state <= crossed ? DRAIN : COMMAND;
            end
            default: begin
                sum <= $sum_start;
                crossed <= 1'b0;
                if (silent) state <= SEND_STATUS;
            end
        endcase
        if (receiving & broken) begin
            status <= $framing;
            state <= DRAIN;
        end else if (receiving & silent & state != COMMAND) begin
            status <= $broken_off;
            state <= DRAIN;
        end
        if ((sending | state == COMPUTE) & (came | broken)) crossed <= 1'b1;
    end

    // Result: taken over from the network, sent byte by byte.
    reg [$outputs_top:0] outputs;
    wire [$results_top:0] results;
    wire taken;
    assign body = identify ? IDENTITY[{left[4:0] - 5'd1, 3'd0} +: 8] : outputs[7:0];

    always @(posedge clk) begin
        if (taken) outputs <= $padded_results;
        else if (state == SEND_BODY & send) outputs <= outputs >> 8;
    end

$core
endmodule
""")

GRAPH = Template("""\
    // An input is complete when its checksum is; its result is there $latency cycles later.
    reg [$inputs_top:0] inputs;
    reg [$wait_top:0] waiting;
    assign computed = waiting == $wait_none;
    assign taken = state == COMPUTE & computed;

    always @(posedge clk) begin
        if (state == PAYLOAD & came) inputs <= $next_inputs;
        if (state != COMPUTE) waiting <= $wait_all;
        else if (!computed) waiting <= waiting - $wait_one;
    end

    $module network ($clock.model_inp($port), .model_out(results));""")

STREAM = Template("""\
    // The sample, a word for each beat. It is given to the network when its checksum is right.
    reg [$word_top:0] memory [0:$last_beat];
    reg [$word_top:0] word;
    reg [$address_top:0] address;
    wire whole = $whole;  // the byte that comes now ends a beat
    wire store = state == PAYLOAD & came & whole;

    always @(posedge clk) begin
        if (store) memory[address] <= $beat;
        else word <= memory[address];
    end
$assembly
    // A beat stays until the network takes it; its result counts from the first beat on, and the answer waits for both.
    reg in_valid;
    reg read;  // the word is that of the address
    reg fed;
    reg finished;
    reg [$core_top:0] patience;
    wire in_ready;
    wire out_valid;
    wire late = patience == CORE_CYCLES;
    initial in_valid = 1'b0;
    assign computed = fed & finished;
    assign taken = state == COMPUTE & out_valid & !finished;

    always @(posedge clk) begin
        if (state != COMPUTE | late) begin
            in_valid <= 1'b0;
            read <= 1'b0;
            fed <= 1'b0;
            finished <= 1'b0;
            patience <= $core_none;
            if (store) address <= address + $address_one;
            else if (state != PAYLOAD) address <= $address_none;
        end else begin
            patience <= patience + $core_one;
            if (taken) finished <= 1'b1;
            if (in_valid & in_ready) begin
                in_valid <= 1'b0;
                read <= 1'b0;
                fed <= address == $address_last;
                address <= address + $address_one;
            end else if (!fed & !identify) begin
                read <= 1'b1;
                in_valid <= read;
            end
        end
    end

    // Reset for 15 cycles at the start, and again when the network gave no result.
    reg [3:0] started;
    wire rst = started != 4'd15;
    initial started = 4'd0;

    always @(posedge clk) begin
        if (state == COMPUTE & late) started <= 4'd0;
        else if (rst) started <= started + 4'd1;
    end

    $module network (
        .clk(clk),
        .rst(rst),
        .in_valid(in_valid),
        .in_ready(in_ready),
        .in_data(word),
        .out_valid(out_valid),
$out_ready        .out_data(results)
    );""")

ASSEMBLY = Template("""
    // The bytes of a beat before its last one.
    reg [$earlier_top:0] earlier;
    reg [$byte_top:0] beat_left;

    always @(posedge clk) begin
        if (state == COMMAND | store) beat_left <= $byte_all;
        else if (state == PAYLOAD & came) begin
            earlier <= $next_earlier;
            beat_left <= beat_left - $byte_one;
        end
    end
""")
"""For beats of several bytes."""
