"""The desk in Telegram: freqtrade's vocabulary and more, over the same deeds as everywhere else."""
