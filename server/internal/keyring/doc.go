// Package keyring keeps the CMKs of a KMS service, their versions with wrapped key material, their aliases and tags,
// and the service's secrets, in a store. It serves package api, which handles operations, and the operator's check and
// status. It knows nothing about requests, permissions and HTTP.
//
// # How it is used
//
// All work on the records of one account and region, a [Scope], is done in a transaction at a given time:
// [Keyring.View] provides a [Reader], and [Keyring.Update] a [Writer], whose changes take effect together or not at
// all. Key material is unwrapped outside of transactions, since that is slow: [Keyring.Material].
//
// What it promises:
//   - Every path has its account and region in it, so nothing of one scope can be reached from another.
//   - Changes by time apply on use: a CMK is returned in its state at the transaction's time, and one that is past its
//     deletion date is not found, nor are its aliases, whether or not [Keyring.Sweep] has removed it.
//   - Errors that a caller of the service may see are those of package kmsapi. All others name the record and contain
//     no secret.
//   - The records are kept in the store, which handles parallel use. In memory there are only the root key, the
//     fingerprint key and indices of CMKs.
//
// # Storage layout
//
// Keys are ordered. The data of a CMK is in records at these paths, whose values [codec] describes:
//
//	cmk/<account>/<region>/<key id>       a CMK with its primary version: see [CMK]
//	cmk-version/<account>/<region>/<key id>/<version>  a version that is not the primary one: see [Version]
//	tags/<account>/<region>/<key id>      all tags of a CMK; no record means none
//	alias/<account>/<region>/<alias>      the CMK that an alias names; the alias is without its prefix
//
// and the data of a secret in records at these:
//
//	secret/<account>/<region>/<name>      a secret without its values: see [Secret]
//	secret-value/<account>/<region>/<name>:<version>  the sealed value of a version: see [SecretValue]
//	secret-tags/<account>/<region>/<name> all tags of a secret; no record means none
//
// All other values are strings or empty, except for the proofs and the key, which package crypt describes:
//
//	meta/schema                           the version of the layout, a decimal number
//	meta/root-key                         proves at start that the root key is the store's
//	meta/root-key-before                  the same for the root key before the last [Keyring.Rekey]; no record means none
//	meta/fingerprint-key                  the fingerprint key, wrapped by the root key
//	meta/clock                            the latest time that the service has seen on its clock, and the word exact if
//	                                      it has seen no later one since it stored that
//	version/<account>/<region>/<version>  the id of the CMK that a version, and so a ciphertext, belongs to
//	version-number/<account>/<region>/<key id>/<number>  the id of a version that is not the primary one, by its number
//	default-cmk/<account>/<region>/<key id>  the CMK that is the account's default key; no value
//	cmk-alias/<account>/<region>/<key id>/<alias>  an alias of a CMK; no value
//	list/<prefix of records><name>        how many CMKs, aliases or secrets there are, block by block; see package list
//	state/<account>/<region>/<state>      how many CMKs are in a state, a decimal number; no record means zero
//	due/<time>/<account>/<region>/<key id>  a CMK that time will change, at its deletion date or when its material
//	                                      expires; no value
//	secret-due/<time>/<account>/<region>/<name>  a secret that is due for deletion at that time; no value
//	rotation/<time>/<account>/<region>/<key id>  a CMK that is due for rotation at that time; no value
//	count/<account>/<region>/versions     how many versions there are, without the first of each CMK, a decimal number;
//	                                      no record means zero
//	nonce/<timestamp>/…                   a nonce whose timestamp was ahead of the clock, or the first timestamp of an
//	                                      access key that is accepted, with the time when it may be forgotten
//
// An operation on a CMK reads one of its records, or two for a ciphertext of an earlier version, so its cost does not
// depend on how many versions and tags a CMK has. A page of versions reads two records for each version on it. The
// records that answer questions about all CMKs or aliases without reading them (list, state, due) are written in the
// transaction that changes one of them. So the service answers as fast with 100,000 CMKs as with 100.
//
// This is version 4. In version 3 the fingerprint key was derived from the root key instead of stored, so the root key
// could not be changed, and versions had no numbers; version 2 also had versions and tags in the record of the CMK,
// which was JSON; version 1 also had no list, state and due records. A store of an earlier version is upgraded when it
// is opened, in one transaction. Earlier programs can't open it after that.
package keyring
