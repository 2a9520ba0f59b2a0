// Package protocol is the plugin's side of sigstore's protocol for KMS plugins, version v1: cosign and other programs
// run the plugin once for each method of a key.
//
//	argument 1         v1
//	argument 2         JSON: the key, the method and its arguments, as in type arguments
//	standard input     the message to sign or to verify, of any size
//	standard output    JSON: what the method returns, or {"errorMessage": "…"}
//	standard error     is shown to the user
//	exit status        0, or 1 with an errorMessage. The caller does not look at it
//
// The caller kills the process when it gives up. A deadline among the arguments is observed here too.
//
// Fields that are not known are ignored, since the caller may be newer: the protocol gains options without a new
// version. A method that is not known is an error.
package protocol
