"""Reads the marketer's rules.yaml: content, slots, rules, experiments, holdout."""
