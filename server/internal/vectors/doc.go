// Package vectors holds the service's cryptography against Project Wycheproof (https://github.com/C2SP/wycheproof),
// whose test vectors are made of the mistakes that others have made. It has tests only, and is a package of its own
// because importing the vectors takes 113 MB.
package vectors
