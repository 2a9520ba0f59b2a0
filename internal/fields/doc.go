// Package fields checks the fields of requests against their schemas, more strictly than Vault's framework does:
// unknown fields are refused, and so is a value of another type, instead of being turned into one. No error shows a
// value, because any value may be a secret, except one that is surely the name of a file ([FileHint]).
//
// Paths and operations that do not exist are refused by [UnknownPath] and [CheckOperation], with what does exist.
//
// It also holds what several paths share: the names that are part of a path ([KeyName], [Alias]), the fields that ask
// for a page of a list ([PageSchemas]) and those fields of Vault's transit engine that mean nothing to KMS
// ([WithTransit]).
package fields
