"""AWS on a laptop: the emulator, the deployed template, and fakes for what the emulator gets wrong."""
