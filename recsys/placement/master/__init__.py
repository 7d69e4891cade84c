"""One plan for each block within what blocks share: mixed by a linear programme, made whole, chosen for good."""
