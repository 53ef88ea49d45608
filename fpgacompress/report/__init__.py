"""Reports of a run: terminal tables, plots and one self-contained page, all from one dictionary of figures."""
