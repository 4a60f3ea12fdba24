"""The stores of the ledger: DynamoDB and memory."""
