// Package sm gives the KMS service the algorithms of the Chinese standards: SM2 key pairs, SM4 keys and SM2 wrapping
// keys. A program links it with a blank import; the service then has them if its configuration says sm = true.
//
// Every other package of the service works without it, so a program that does not need these algorithms need not trust
// their library.
package sm
