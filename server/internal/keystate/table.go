package keystate

import (
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A row is what one operation does in each state: nil lets it run, an error refuses it.
type row struct {
	enabled, disabled, pendingDeletion, pendingImport *kmsapi.Error
	// after returns the life after the operation; nil is for operations that change nothing.
	after func(l Lifecycle, now time.Time, pendingWindowInDays int) (Lifecycle, error)
}

// The cells of the table.
var (
	success         *kmsapi.Error
	rejDisabled     = kmsapi.ErrRejectedDisabled
	rejPendDeletion = kmsapi.ErrRejectedPendingDeletion
	rejPendImport   = kmsapi.ErrRejectedPendingImport
	modifyFailed    = kmsapi.ErrStateModifiedFailed
)

// table is the reference's table of key states (§2), in its order, and the operations that have no row there. It is never
// changed. CreateKey, ListKeys, ListAliases and DescribeRegions are about no CMK in particular.
var table = map[kmsapi.Operation]row{
	// in the states Enabled, Disabled, PendingDeletion, PendingImport; and the life after it
	kmsapi.OpCreateKey:           {success, success, success, success, nil},
	kmsapi.OpGenerateDataKey:     {success, rejDisabled, rejPendDeletion, rejPendImport, nil},
	kmsapi.OpEncrypt:             {success, rejDisabled, rejPendDeletion, rejPendImport, nil},
	kmsapi.OpDecrypt:             {success, rejDisabled, rejPendDeletion, rejPendImport, nil},
	kmsapi.OpListKeys:            {success, success, success, success, nil},
	kmsapi.OpDescribeKey:         {success, success, success, success, nil},
	kmsapi.OpEnableKey:           {success, success, modifyFailed, modifyFailed, enable},
	kmsapi.OpDisableKey:          {success, success, modifyFailed, modifyFailed, disable},
	kmsapi.OpScheduleKeyDeletion: {success, success, modifyFailed, success, scheduleDeletion},
	kmsapi.OpCancelKeyDeletion:   {modifyFailed, modifyFailed, success, modifyFailed, cancelDeletion},
	kmsapi.OpCreateAlias:         {success, success, modifyFailed, success, nil},
	kmsapi.OpDeleteAlias:         {success, success, success, success, nil},
	kmsapi.OpListAliases:         {success, success, success, success, nil},
	// The CMK that the alias shall name from now on. The one that it named until now does not matter.
	kmsapi.OpUpdateAlias: {success, success, rejPendDeletion, success, nil},
	// Exclusive to CMKs of origin EXTERNAL. After ImportKeyMaterial comes what [Lifecycle.Import] says.
	kmsapi.OpGetParametersForImport: {success, success, success, success, nil},
	kmsapi.OpImportKeyMaterial:      {success, success, modifyFailed, success, nil},
	kmsapi.OpDeleteKeyMaterial:      {success, success, success, success, deleteMaterial},
	// Later publications of the table.
	kmsapi.OpListAliasesByKeyId: {success, success, success, success, nil},
	kmsapi.OpTagResource:        {success, success, rejPendDeletion, success, nil},
	kmsapi.OpUntagResource:      {success, success, rejPendDeletion, success, nil},
	kmsapi.OpListResourceTags:   {success, success, success, success, nil},
	kmsapi.OpDescribeRegions:    {success, success, success, success, nil},
}

// external holds the operations that are exclusive to CMKs of origin EXTERNAL (§2). It is never changed.
var external = map[kmsapi.Operation]bool{
	kmsapi.OpGetParametersForImport: true,
	kmsapi.OpImportKeyMaterial:      true,
	kmsapi.OpDeleteKeyMaterial:      true,
}

// in returns why the operation may not run in state, or nil. A state that the reference does not have refuses everything.
func (r row) in(state kmsapi.KeyState) *kmsapi.Error {
	switch state {
	case kmsapi.Enabled:
		return r.enabled
	case kmsapi.Disabled:
		return r.disabled
	case kmsapi.PendingDeletion:
		return r.pendingDeletion
	case kmsapi.PendingImport:
		return r.pendingImport
	default:
		return kmsapi.ErrInternalFailure.WithMessage("The CMK is in a state that the API reference does not have.")
	}
}
