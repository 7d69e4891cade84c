"""What is true: tables, ids, rankers as arrays, rules of ranking, demand, hierarchy, placement, metrics, the bundle."""
