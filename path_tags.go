package alicloudkms

import "github.com/hashicorp/vault/sdk/framework"

func (b *backend) tagPaths() []*framework.Path { return nil }
