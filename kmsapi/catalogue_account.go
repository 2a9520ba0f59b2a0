package kmsapi

var accountOperations = operationGroup{topic: "Account, regions and instances", rows: []operationRow{
	{
		request: request[DescribeRegionsRequest], section: "§4.22", rate: RateRead, resource: NoResource,
		states: inAnyState,
	},
	{
		request: request[GetKmsInstanceRequest], section: "GetKmsInstance", rate: RateInstances, resource: NamedInstance,
		states: inAnyState, required: holds[GetKmsInstanceResponse]("KmsInstance.InstanceId"),
	},
	{
		request: request[ListKmsInstancesRequest], section: "ListKmsInstances", rate: RateInstances, resource: AllInstances,
		states: inAnyState,
	},
	{
		request: request[GetDefaultKmsInstanceRequest], section: "GetDefaultKmsInstance", rate: RateInstances,
		resource: AllInstances,
		states:   inAnyState,
	},
	{
		request: request[DescribeAccountKmsStatusRequest], section: "DescribeAccountKmsStatus", rate: RateRead,
		resource: NoResource,
		states:   inAnyState, required: holds[DescribeAccountKmsStatusResponse]("AccountStatus"),
	},
	{
		request: request[OpenKmsServiceRequest], section: "OpenKmsService", rate: RateWrite, resource: NoResource,
		states: inAnyState,
	},
}}
