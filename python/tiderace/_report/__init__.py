"""The pieces of the HTML report: text, charts, tables, page."""
