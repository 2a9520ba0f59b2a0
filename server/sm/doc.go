// Package sm gives the KMS service the algorithms of the Chinese standards: key pairs on SM2, keys of SM4, and wrapping
// keys on SM2. A program links it with a blank import; the service then has them with sm = true in its configuration.
//
// Every other package of the service works without it, so that a program that does not need these algorithms does not
// have to trust their library.
package sm
