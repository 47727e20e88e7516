require "fileinto"; fileinto "from-site";
