// Package house tests rules for the whole repository: which package may import which, that links in the documentation
// lead somewhere, that lines end at 120 columns, and that the English is plain.
package house
