package kmsapi

import "slices"

// Operation is the value of the Action parameter (§3). Its constants are declared with the request types: [OpEncrypt]
// with [EncryptRequest]. The methods read the operation's row in the catalogue; for a name that has no row, they return
// the zero value.
type Operation string

// Known reports whether o is in the catalogue.
func (o Operation) Known() bool { return catalogue[o] != nil }

// Section is the section of the API reference that describes o, such as "§4.11". Operations newer than the reference
// have a page of their own, which is named like the operation.
func (o Operation) Section() string { return o.row().section }

// Topic is the heading of o's group of operations, such as "Aliases". [Operations] lists a group together.
func (o Operation) Topic() string { return o.row().topic }

// Repeatable reports whether a request may run twice with the same outcome and the same kind of answer, so that a
// client that lost an answer may ask again. Other operations make something new each time, or fail the second time.
func (o Operation) Repeatable() bool { return !o.row().once }

// Plane says which gateways serve o.
func (o Operation) Plane() Plane { return o.row().plane }

// RateClass is the group of operations that o shares a rate limit with.
func (o Operation) RateClass() RateClass { return o.row().rate }

// Resource says what a request of o is about.
func (o Operation) Resource() Resource { return o.row().resource }

// Actions are the RAM permissions that o needs, such as "kms:Encrypt". A caller needs all of them. If o is about
// several keys, each is needed on the key at the same index of [Operation.KeyParameters].
func (o Operation) Actions() []string { return o.row().actions }

// KeyAction is the RAM permission that o needs on the CMK that encrypts its secret, and "" if it does not use that CMK.
// No permission is needed if KMS encrypts the secret with a key of its own.
func (o Operation) KeyAction() string { return o.row().keyAction }

// KeyParameters are the parameters that name the keys of an operation on several, and nil for all others.
func (o Operation) KeyParameters() []string { return o.row().keys }

// Refusal returns why o is refused for a key in the given state (§2), and nil if it may run. An operation or a state
// that is not in the reference is always refused.
func (o Operation) Refusal(state KeyState) *Error {
	if !o.Known() {
		return ErrInternalFailure.WithMessage("The operation has no row in the table of key states.")
	}
	return o.row().states.in(state)
}

// Uses returns the kind of key that o works with.
func (o Operation) Uses() KeyKind { return o.row().uses }

// ExternalOnly reports whether o is only for keys of origin [OriginExternal] (§2).
func (o Operation) ExternalOnly() bool { return o.row().externalOnly }

// NewRequest returns an empty request of o, and nil if o is not in the catalogue.
func (o Operation) NewRequest() Request {
	if row := catalogue[o]; row != nil {
		return row.request()
	}
	return nil
}

// Takes reports whether the API publishes a parameter called name for o.
func (o Operation) Takes(name string) bool {
	return o.Known() && slices.ContainsFunc(Describe(o.NewRequest()), func(r Rule) bool { return r.Name == name })
}

// MissingField returns the first required field that is missing in an answer to o, such as "CiphertextBlob", and "" if
// the answer is complete. A caller that stored an empty ciphertext would lose its data.
func (o Operation) MissingField(answer Response) string { return o.row().required.missing(answer) }

func (o Operation) row() *operationRow {
	if row := catalogue[o]; row != nil {
		return row
	}
	return &operationRow{}
}

// A Plane is a group of operations that the same gateways serve.
type Plane string

// The planes.
const (
	// ControlPlane is for operations that manage keys. The shared gateway of the region serves it.
	ControlPlane Plane = ""
	// DataPlane is for operations that encrypt and decrypt with a key. The dedicated gateway of the key's KMS instance
	// serves it, and the shared gateway too if the key is in no instance or Internet access of the instance is on.
	DataPlane Plane = "data"
	// SharedDataPlane is for operations that encrypt and decrypt with keys and that no dedicated gateway serves. The
	// shared gateway serves it for the same keys as DataPlane.
	SharedDataPlane Plane = "shared data"
)

// A RateClass is a group of operations that share a rate limit, under its name in the service's configuration.
type RateClass string

// The rate classes of the shared gateway.
const (
	// RateCrypto is for operations that encrypt and decrypt with one symmetric key.
	RateCrypto RateClass = "crypto"
	// RateReEncrypt is for ReEncrypt only.
	RateReEncrypt RateClass = "re_encrypt"
	// RateAsymmetric is for operations that sign, verify, encrypt and decrypt with an asymmetric key.
	RateAsymmetric RateClass = "asymmetric"
	// RateCreateKey is for CreateKey only.
	RateCreateKey RateClass = "create_key"
	// RateSecretValue is for GetSecretValue only.
	RateSecretValue RateClass = "secret_values"
	// RateSecretWrite is for operations that change secrets.
	RateSecretWrite RateClass = "secret_write"
	// RateSecretRead is for operations that describe and list secrets, and for GetRandomPassword.
	RateSecretRead RateClass = "secret_read"
	// RateWrite is for all other operations that change something.
	RateWrite RateClass = "write"
	// RateRead is for operations that describe and list.
	RateRead RateClass = "read"
	// RateListTags is for operations that list tags.
	RateListTags RateClass = "list_tags"
	// RateInstances is for operations that describe and list KMS instances.
	RateInstances RateClass = "instances"
)

// RateClasses returns all rate classes.
func RateClasses() []RateClass {
	return []RateClass{
		RateCrypto, RateReEncrypt, RateAsymmetric, RateCreateKey, RateWrite, RateRead, RateListTags, RateInstances,
		RateSecretValue, RateSecretWrite, RateSecretRead,
	}
}

// A Resource is what a request is about, in the form of RAM's resource names.
type Resource string

// The resources.
const (
	// NoResource is for operations that need no permission.
	NoResource Resource = ""
	// AllKeys is for operations about no key in particular: they make or list keys.
	AllKeys Resource = "key"
	// AllAliases is for operations about no alias in particular.
	AllAliases Resource = "alias"
	// NamedKey is for operations about the key that the request names: by its id, an alias, a ciphertext or an import
	// token. Those that tag resources may be about secrets instead.
	NamedKey Resource = "key/*"
	// AllSecrets is for operations about no secret in particular: they make or list secrets.
	AllSecrets Resource = "secret"
	// NamedSecret is for operations about the secret that the request names.
	NamedSecret Resource = "secret/*"
	// AllInstances is for operations about no KMS instance in particular.
	AllInstances Resource = "keystore"
	// NamedInstance is for operations about the KMS instance that the request names.
	NamedInstance Resource = "keystore/*"
)

// states says whether an operation may run in each state of a key (§2): nil allows it, an error refuses it.
type states struct{ enabled, disabled, pendingDeletion, pendingImport *Error }

func (s states) in(state KeyState) *Error {
	switch state {
	case Enabled:
		return s.enabled
	case Disabled:
		return s.disabled
	case PendingDeletion:
		return s.pendingDeletion
	case PendingImport:
		return s.pendingImport
	default:
		return ErrInternalFailure.WithMessage("The key is in a state that the API reference does not have.")
	}
}
