// Package house tests the order of the house: which package may import which, and that the docs' links lead somewhere.
package house
