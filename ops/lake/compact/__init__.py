"""Compacts closed months: writes the table `account_months`, and makes the view `account_history` read it."""
