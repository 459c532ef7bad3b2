"""How good shelves are: split by time, measured as served, against plain baselines."""
