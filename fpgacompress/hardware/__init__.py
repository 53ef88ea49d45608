"""Boards, reuse plans, resource and latency estimates with their calibration, and vendor tools. numpy only; never imports TensorFlow."""
