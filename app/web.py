"""What gunicorn serves."""

import gc

import config
from app import create_app

app = create_app(config.load())
gc.collect()
gc.freeze()  # gunicorn forks from here: what is loaded stays shared
