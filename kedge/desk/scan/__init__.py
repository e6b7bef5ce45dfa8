"""What futures pay over what they are of: yields and implied dividends over a table of prices. Pure."""
