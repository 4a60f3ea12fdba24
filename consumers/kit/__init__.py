"""The consumer kit: what a service needs to apply domain events exactly once and in order."""
