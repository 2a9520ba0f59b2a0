// Package vectors tests the project's cryptography against Project Wycheproof (https://github.com/C2SP/wycheproof),
// whose test vectors come from mistakes in other implementations. It has only tests, and is a package of its own
// because the vectors take 113 MB.
package vectors
