"""The daily report: its figures (`figures`), what they say (`findings`), charts (`charts`), and the page (`page`)."""
