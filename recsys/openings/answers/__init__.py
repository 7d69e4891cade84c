"""What a planner is told: the plan, why, why not there, what more would bring, what one class may expect."""
