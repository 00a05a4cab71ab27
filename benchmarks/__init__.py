"""How fast the product is, beside what people would use instead. No part of the tests: only ratios mean anything."""
