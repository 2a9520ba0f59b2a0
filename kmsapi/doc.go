// Package kmsapi is the contract of Alibaba Cloud KMS, API version 2016-01-20: operations, the shapes of their requests
// and answers, error codes, key states, limits and regions. Both ends of the wire are built on it: package client
// encodes a [Request] and decodes the answer, the KMS service decodes a request and encodes the answer.
//
// It does no I/O, keeps no state and knows nothing of HTTP, signatures or storage.
//
// Each request type describes its parameters once, with their rules; [Encode], [Decode] and [Describe] read that one
// description. Field names are the API's own (KeyId, not KeyID), so answers need no JSON or XML tags.
//
// Section numbers such as "§4.11" name the section of the published API reference that a name implements.
package kmsapi

// Version is the API version that every request names in its Version parameter (§1.3).
const Version = "2016-01-20"

// TimeFormat is how KMS writes a moment, in UTC, both in the Timestamp parameter and in answers (§1.3).
const TimeFormat = "2006-01-02T15:04:05Z"
