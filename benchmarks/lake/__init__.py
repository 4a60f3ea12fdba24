"""The lake at scale: made up on demand, then asked. `make lake-scale`; see docs/lake.md."""
