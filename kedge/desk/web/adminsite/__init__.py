"""The admin: what is edited as rows (people, tokens, preorders), and the tables to look through."""
