package server_test

import (
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (m *model) CreateAlias(t *rapid.T) {
	k, name := m.pick(t), m.name(t)
	refusal := k.refusal(changeRefused)
	if refusal == nil && m.aliases[name] != nil {
		refusal = kmsapi.ErrAliasAlreadyExists
	}
	_, err := m.client.CreateAlias(t.Context(), &kmsapi.CreateAliasRequest{AliasName: name, KeyId: k.id})
	agree(t, refusal, err)
	if refusal == nil {
		m.aliases[name] = k
	}
}

func (m *model) UpdateAlias(t *rapid.T) {
	k, name := m.pick(t), m.name(t)
	refusal := k.refusal(tagRefused)
	if refusal == nil && m.aliases[name] == nil {
		refusal = kmsapi.ErrAliasNotFound
	}
	_, err := m.client.UpdateAlias(t.Context(), &kmsapi.UpdateAliasRequest{AliasName: name, KeyId: k.id})
	agree(t, refusal, err)
	if refusal == nil {
		m.aliases[name] = k
	}
}

func (m *model) DeleteAlias(t *rapid.T) {
	name := m.name(t)
	var refusal *kmsapi.Error
	if m.aliases[name] == nil {
		refusal = kmsapi.ErrAliasNotFound
	}
	_, err := m.client.DeleteAlias(t.Context(), &kmsapi.DeleteAliasRequest{AliasName: name})
	agree(t, refusal, err)
	delete(m.aliases, name)
}
