"""Which stored value pays for an order, and how much of each: what the plan and the payment share."""
