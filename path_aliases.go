package alicloudkms

import "github.com/hashicorp/vault/sdk/framework"

func (b *backend) aliasPaths() []*framework.Path { return nil }
