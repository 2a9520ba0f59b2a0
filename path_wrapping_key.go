package alicloudkms

import "github.com/hashicorp/vault/sdk/framework"

func (b *backend) wrappingKeyPaths() []*framework.Path { return nil }
