"""The API test user: an IAM user who may invoke the deployed API and do nothing else."""

import json

from botocore.exceptions import ClientError

from local_stack.emulator import REGION, client
from local_stack.errors import CommandError

USER_NAME = "api-test-user"


def create_api_test_user(endpoint_url: str, api_id: str) -> tuple[str, str]:
    """Create the user on the emulator and return its access key id and secret.

    Raises:
        CommandError: the emulator refused to create the user.
    """
    iam = client("iam", endpoint_url)
    try:
        account = client("sts", endpoint_url).get_caller_identity()["Account"]
        api = f"arn:aws:execute-api:{REGION}:{account}:{api_id}/*"
        policy = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": api}
        iam.create_user(UserName=USER_NAME)
        iam.put_user_policy(
            UserName=USER_NAME,
            PolicyName="invoke-the-api",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [policy]}),
        )
        key = iam.create_access_key(UserName=USER_NAME)["AccessKey"]
    except ClientError as error:
        raise CommandError(f"The emulator refused to create the API test user: {error}") from None
    return key["AccessKeyId"], key["SecretAccessKey"]
