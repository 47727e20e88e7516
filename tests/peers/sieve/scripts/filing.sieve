require "fileinto"; fileinto "from-filing";
