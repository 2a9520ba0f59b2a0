// Package call sends one operation of KMS that a user has typed, and prints its answer: it does the work of
// `alicloudkms call`. All that it knows about operations, parameters and answers comes from package kmsapi, so a new
// row of the catalogue needs nothing here.
//
// Values are given as Name=Value. They come from a file with Name=@FILE and from standard input with Name=@-, where ps
// and the shell's history do not show them.
//
// What a server sends is not trusted: control characters in it are escaped before they can reach a terminal. A
// plaintext is printed only if Options.Reveal asks for it.
package call
