//! the bus and durable timers; the one retry policy.
