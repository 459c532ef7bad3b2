"""Known visitors: what is new to each and near to what they liked, and what they met."""
