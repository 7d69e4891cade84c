"""How good forecasts are: simulated counties, real tables, a province; alarms, unconstraining, reconciliation."""
