"""The daily report: its figures (`figures`), their headlines (`findings`), charts (`charts`) and page (`page`)."""
