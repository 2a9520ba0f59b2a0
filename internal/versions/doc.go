// Package versions knows the versions of a key, as transit counts them: 1, 2, 3 and so on. A [Table] has a row for
// each. Rows are only ever added, at the end, or dropped at the beginning, so that the number of a row never changes.
//
// KMS knows versions by ids, of one CMK or, once a key has been given another CMK, of several. The package takes
// versions in the order in which KMS lists them, and calls neither KMS nor storage.
package versions
