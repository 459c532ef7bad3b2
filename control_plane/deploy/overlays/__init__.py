"""What holds beside a release: stock and prices, erased visitors, slots switched off."""
