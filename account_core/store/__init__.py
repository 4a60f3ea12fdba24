"""The stores of the ledger: DynamoDB and in memory."""
