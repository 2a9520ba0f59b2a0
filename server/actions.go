package server

import (
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// invocation is one authenticated request on its way to a handler.
type invocation struct {
	scope keyring.Scope
	now   time.Time

	operation   kmsapi.Operation
	permissions permissions
	// resource is what a refusal names: the CMK or alias, as the request names it.
	resource string
	// keyID is for the audit line. It is set once the CMK is known.
	keyID string
}

// action is a row of the table of operations.
type action struct {
	operation kmsapi.Operation
	// run decodes the parameters and calls the handler.
	run func(s *Service, ctx context.Context, inv *invocation, params kmsapi.Params) (kmsapi.Response, error)
}

// actions is every operation that the service knows. HTTP edge and tests are derived from it.
var actions = table(
	row((*Service).createKey),
	row((*Service).describeKey),
	row((*Service).listKeys),
	row((*Service).getParametersForImport),
	row((*Service).importKeyMaterial),
	row((*Service).deleteKeyMaterial),
	row((*Service).enableKey),
	row((*Service).disableKey),
	row((*Service).scheduleKeyDeletion),
	row((*Service).cancelKeyDeletion),
	row((*Service).encrypt),
	row((*Service).decrypt),
	row((*Service).generateDataKey),
	row((*Service).createAlias),
	row((*Service).updateAlias),
	row((*Service).deleteAlias),
	row((*Service).listAliases),
	row((*Service).listAliasesByKeyId),
	row((*Service).tagResource),
	row((*Service).untagResource),
	row((*Service).listResourceTags),
	row((*Service).describeRegions),
)

func table(rows ...action) map[kmsapi.Operation]action {
	byName := make(map[kmsapi.Operation]action, len(rows))
	for _, r := range rows {
		byName[r.operation] = r
	}
	return byName
}

// request is a pointer to a request type of package kmsapi.
type request[T any] interface {
	*T
	kmsapi.Request
}

// row makes a row from a typed handler: the request type says which operation it is and how its parameters are decoded.
func row[T any, Req request[T], Resp kmsapi.Response](
	handle func(*Service, context.Context, *invocation, Req) (Resp, error),
) action {
	return action{
		operation: Req(new(T)).Operation(),
		run: func(s *Service, ctx context.Context, inv *invocation, params kmsapi.Params) (kmsapi.Response, error) {
			req := Req(new(T))
			if err := kmsapi.Decode(params, req); err != nil {
				return nil, err
			}
			resp, err := handle(s, ctx, inv, req)
			if err != nil {
				return nil, err
			}
			return resp, nil
		},
	}
}
