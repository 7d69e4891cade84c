"""What the routes answer, as schemas; OpenAPI is made from them."""
