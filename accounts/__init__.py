"""Who people and programs are: users, roles, API tokens."""
