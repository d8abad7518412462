"""Every change: one verb, one function, one transaction. Actions do not call actions; ``app.jobs`` chains them."""
